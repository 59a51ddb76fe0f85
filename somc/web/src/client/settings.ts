/** How patient a client is. Seconds or milliseconds, as the names say; tests bring shorter ones. */
export interface Settings {
  /** How often the hall is asked whether it is there. */
  ping_ms: number;
  /** A hall that says nothing for so long, not even `pong`, is gone. */
  silence_ms: number;
  /** The wait before an attempt is any time up to a limit, which doubles from the first to the most. */
  firstBackoff_s: number;
  mostBackoff_s: number;
  /** A line that has stood so long makes the back-off begin small again: others may be closed as soon as opened. */
  steady_ms: number;
  /** A command that met an overloaded hall goes out again after about so long, if the hall does not say when. */
  overload_s: number;
  /** Without a right to be here only a sign-in link helps; look again so seldom. */
  signedOutWait_s: number;
}

export const SETTINGS: Settings = {
  ping_ms: 10_000,
  silence_ms: 25_000,
  firstBackoff_s: 0.25,
  mostBackoff_s: 10,
  steady_ms: 5_000,
  overload_s: 2,
  signedOutWait_s: 20,
};
