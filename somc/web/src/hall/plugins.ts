/** The hall's plugins as an administrator or manager sees them. */
import type { Words } from "../client";

export interface PluginView {
  name: string;
  state: "on" | "off" | "starting" | "stopping" | "quarantined" | "failed";
  why: string | null;
  version: string | null;
  stuck: boolean;
  title?: Words | null;
  isolation?: string | null;
  hooks?: Record<string, unknown>;
  config?: Record<string, unknown>;
  faults?: number;
  last_fault?: string | null;
  lag?: number | null;
}
