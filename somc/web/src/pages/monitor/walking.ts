/** A called ticket's chip walks from the waiting room to its desk. Only a picture: the state is already there. */

const WALK_MS = 900;
/** At a hall's many-fold speed the floor would be all walkers. */
const MOST_WALKERS = 6;

let walkers = 0;

export function walk(floor: HTMLElement, ticket: string, counter: number): void {
  if (walkers >= MOST_WALKERS || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const chip = floor.querySelector<HTMLElement>(`[data-ticket-id="${CSS.escape(ticket)}"]`);
  const desk = floor.querySelector<HTMLElement>(`[data-test="monitor-counter-${counter}"]`);
  if (chip === null || desk === null) return;
  const from = chip.getBoundingClientRect();
  const to = desk.getBoundingClientRect();
  const walker = chip.cloneNode(true) as HTMLElement;
  walker.removeAttribute("data-ticket-id");
  walker.setAttribute("aria-hidden", "true");
  Object.assign(walker.style, {
    position: "fixed",
    zIndex: "20",
    left: `${from.left}px`,
    top: `${from.top}px`,
    pointerEvents: "none",
  });
  floor.append(walker);
  walkers += 1;
  const x = to.left + to.width / 2 - from.left - from.width / 2;
  const y = to.top + to.height / 2 - from.top - from.height / 2;
  const steps = [
    { transform: "none", opacity: 1 },
    { transform: `translate(${x * 0.5}px, ${y * 0.5 - 24}px) scale(1.7)`, opacity: 1, offset: 0.55 },
    { transform: `translate(${x}px, ${y}px) scale(1.9)`, opacity: 0 },
  ];
  const animation = walker.animate(steps, { duration: WALK_MS, easing: "cubic-bezier(0.4, 0, 0.2, 1)" });
  const gone = () => {
    walkers -= 1;
    walker.remove();
  };
  animation.finished.then(gone, gone);
}
