import { html, type Html } from "./html.ts";

const words: Readonly<Record<string, string>> = {
  logout: "You signed out in this browser.",
  user_request: "You signed this device out from another one.",
  login: "You signed in again in this browser.",
  locked: "Your session waits for your password: sign in, and everything is as you left it.",
  expired: "You were away for so long that the shop signed you out.",
};

/** One line, for whoever is told while looking at a page. `reason` is that of the session's end; null: not known any more. */
export function wordsForEnd(reason: string | null): string {
  return (reason === null ? undefined : words[reason]) ?? "You are no longer signed in on this device.";
}

/** Closed until `live.js` opens it. */
export function signedOutDialog(): Html {
  return html`<dialog id="signed-out" class="sheet" closedby="none" aria-labelledby="signed-out-title">
<h2 id="signed-out-title">You were signed out</h2>
<p></p>
<div><a class="button primary" href="/login">Sign in</a> <a class="button" href="/">To the catalogue</a></div>
</dialog>
<script src="/live.js" type="module"></script>`;
}
