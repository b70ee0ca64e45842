import type { DeviceKind } from "../devices.ts";
import { html, type Html } from "./html.ts";

const shapes: Readonly<Record<DeviceKind, Html>> = {
  desktop: html`<path d="M4 5h16v11H4zM1.5 19.5h21"/>`,
  phone: html`<path d="M7 2.500h10v19H7zM10.5 18.500h3"/>`,
  tablet: html`<path d="M4.5 3h15v18h-15zM10.5 18h3"/>`,
  tool: html`<path d="M3 4.500h18v15H3zM7 9l3 3-3 3m5 0h5"/>`,
  unknown: html`<circle cx="12" cy="12" r="9"/><path d="M9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.8.4-1 .9-1 1.700m0 3v.1"/>`,
};

/** Decoration: the words beside it say the same. */
export function deviceIcon(kind: DeviceKind): Html {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${shapes[kind]}</svg>`;
}
