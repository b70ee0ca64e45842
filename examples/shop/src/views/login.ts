import { demoAccounts } from "../users.ts";
import { html, type Html } from "./html.ts";

export interface LoginAttempt {
  readonly username: string;
  readonly remember: boolean;
}

/**
 * The form; with `failed`, the attempt that was refused, filled in again without its password.
 * `locked`: for whoever has to confirm that it is them.
 */
export function loginView(failed: LoginAttempt | null, locked: boolean): Html {
  return html`<div class="desk">
<form class="sheet" method="post" action="/login">
<h1>${locked ? "Is it you?" : "Sign in"}</h1>
${locked && html`<p>You were signed in, but this is not the browser it was. Sign in once more, and everything is as you left it.</p>`}
${failed && html`<p class="problem" id="problem" role="alert">That name and password do not belong together. Try one of the demo users.</p>`}
<label for="username">Name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64" value="${failed?.username ?? ""}"${problemMarks(failed)}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256"${problemMarks(failed)}>
${!locked && choice(failed)}
<button class="primary">${locked ? "It is me" : "Sign in"}</button>
</form>
<aside class="hint" aria-labelledby="demo-users">
<h2 id="demo-users">Demo users</h2>
<table>
<thead><tr><th scope="col">Name</th><th scope="col">Password</th></tr></thead>
<tbody>
${demoAccounts.map(({ username, password }) => html`<tr><td><code>${username}</code></td><td><code>${password}</code></td></tr>\n`)}
</tbody>
</table>
<p class="quiet">A real shop would keep these to itself.</p>
</aside>
</div>`;
}

function problemMarks(failed: LoginAttempt | null): Html | null {
  return failed && html` aria-invalid="true" aria-describedby="problem"`;
}

function choice(failed: LoginAttempt | null): Html {
  return html`<p class="choice"><input id="remember" name="remember" type="checkbox" value="yes"${failed?.remember === true && html` checked`} aria-describedby="remember-means">
<label for="remember">Keep me signed in</label><span class="quiet" id="remember-means">for 30 days on this device; otherwise until you have been away for a day</span></p>`;
}
