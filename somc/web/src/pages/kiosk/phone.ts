/** The phone number on the kiosk's pad: what may be typed, and how little of it is shown. */

/** Chinese mobile numbers have eleven digits and begin with 1. */
export const PHONE_DIGITS = 11;
/** A code of an appointment: thirteen digits and one that checks them. */
export const CODE_DIGITS = 14;
const PHONE = /^1[3-9]\d{9}$/;
/** Where the hidden digits begin and end: 138****5678. */
const HIDDEN = [3, 7] as const;
const MASK = "•";

export function typed(phone: string, digit: string): string {
  return phone.length < PHONE_DIGITS && /^\d$/.test(digit) ? phone + digit : phone;
}

export function complete(phone: string): boolean {
  return PHONE.test(phone);
}

/**
 * The echo: `138 •••• 5678`. A hidden digit shows only until the next one is typed, so that a slip of the finger is
 * seen by who types and by nobody who looks over a shoulder later.
 */
export function echo(phone: string): string {
  const shown = Array.from(phone, (digit, at) =>
    at >= HIDDEN[0] && at < HIDDEN[1] && at < phone.length - 1 ? MASK : digit,
  );
  const groups = [shown.slice(0, 3), shown.slice(3, 7), shown.slice(7)];
  return groups
    .map((group) => group.join(""))
    .filter(Boolean)
    .join(" ");
}

/** A code as it is printed: in groups. It is no secret of the hall's, but it is the customer's: the middle is hidden. */
export function shownCode(code: string): string {
  const shown = Array.from(code, (digit, at) => (at >= 4 && at < 10 && at < code.length - 1 ? MASK : digit)).join("");
  return [shown.slice(0, 4), shown.slice(4, 9), shown.slice(9)].filter(Boolean).join(" ");
}
