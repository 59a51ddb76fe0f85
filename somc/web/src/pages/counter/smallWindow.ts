/**
 * The desk as a small window over whatever the agent works in (UC-01): the browser's own always-on-top window
 * where there is one (Document Picture-in-Picture), else a small popup of this page.
 */
import { onScopeDispose, ref, shallowRef } from "vue";

interface PictureInPicture {
  requestWindow(options: { width: number; height: number }): Promise<Window>;
}

const SIZE = { width: 380, height: 460 };

function pictureInPicture(): PictureInPicture | null {
  return (window as { documentPictureInPicture?: PictureInPicture }).documentPictureInPicture ?? null;
}

/** The page's own style sheets, for a window that begins without any. */
function dress(other: Window): void {
  other.document.documentElement.lang = document.documentElement.lang;
  for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')) {
    const copy = other.document.createElement("link");
    copy.rel = "stylesheet";
    copy.href = link.href;
    other.document.head.append(copy);
  }
}

/** `onKey` is told of the keys pressed there, too. */
export function useSmallWindow(counter: number, onKey: (event: KeyboardEvent) => void) {
  /** Where the small desk is drawn; null while there is no such window. */
  const body = shallowRef<HTMLElement | null>(null);
  const blocked = ref(false);
  let open: Window | null = null;

  async function show(): Promise<void> {
    // It may be forbidden on this machine: then, too, there is the popup.
    const small = (await pictureInPicture()?.requestWindow(SIZE).catch(() => null)) ?? null;
    if (small === null) {
      const popup = window.open(`/counter/${counter}?small`, `somc-counter-${counter}`, `popup,width=${SIZE.width},height=${SIZE.height}`);
      blocked.value = popup === null;
      return;
    }
    dress(small);
    small.document.title = document.title;
    small.addEventListener("keydown", onKey);
    small.addEventListener("pagehide", () => {
      body.value = null;
      open = null;
    });
    open = small;
    body.value = small.document.body;
  }

  onScopeDispose(() => open?.close());
  return { body, blocked, show, close: () => open?.close() };
}
