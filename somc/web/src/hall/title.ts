/** The tab's title, in the page's language. */
import { watchEffect } from "vue";

export function useTitle(title: () => string): void {
  watchEffect(() => {
    document.title = title();
  });
}
