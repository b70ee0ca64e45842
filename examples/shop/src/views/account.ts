import type { Activity } from "sojourn";
import type { DeviceDescription } from "../devices.ts";
import type { ShopUser } from "../users.ts";
import { html, type Html } from "./html.ts";
import { deviceIcon } from "./icons.ts";
import { moment } from "./moment.ts";

/** A signed-in device, ready to show. */
export interface DeviceRow {
  readonly sessionId: string;
  readonly current: boolean;
  readonly device: DeviceDescription;
  readonly userAgent: string;
  readonly address: string;
  readonly signedInAt: number;
  readonly lastSeenAt: number;
  readonly remembered: boolean;
  /** Its cookie turned up in another browser. */
  readonly locked: boolean;
}

export interface Account {
  /** Of this device, newest first. */
  readonly activities: readonly Activity[];
  readonly user: ShopUser;
  readonly itemCount: number;
  readonly devices: readonly DeviceRow[];
  /** Since this device was signed in. */
  readonly failedLogins: number;
  readonly now: number;
}

export function accountView({ user, itemCount, devices, activities, failedLogins, now }: Account): Html {
  const things = itemCount === 1 ? "one thing" : `${itemCount} things`;
  return html`<div class="greeting">
<div>
<h1>Hello, ${user.name}</h1>
<p>${itemCount === 0 ? html`Your cart is empty. <a href="/">To the catalogue</a>` : html`There ${itemCount === 1 ? "is" : "are"} ${things} in <a href="/cart">your cart</a>.`}</p>
</div>
<form method="post" action="/logout"><button>Sign out</button></form>
</div>
${failedLogins > 0 && guesses(failedLogins)}
<section aria-labelledby="devices">
<div class="heading">
<h2 id="devices">Where you are signed in</h2>
${devices.length > 1 && html`<form method="post" action="/account/sign-out-others"><button>Sign out everywhere else</button></form>`}
</div>
<table class="devices">
<thead><tr><th scope="col">Device</th><th scope="col">Address</th><th scope="col">Signed in</th><th scope="col">Last seen</th><th scope="col"><span class="unseen">Sign out</span></th></tr></thead>
<tbody>
${devices.map((row) => deviceRow(row, now))}
</tbody>
</table>
<p class="quiet">${devices.length === 1 ? "This is the only one. Sign in from a second browser and it shows up here." : "Something you do not recognise? Sign it out: it is out at once."}</p>
</section>
${activities.length > 0 && activitySection(activities, now)}`;
}

/** What the session notes by itself, and what the cart's routes note, in words. */
const WORDS: Readonly<Record<string, string>> = {
  login: "Signed in",
  rotation: "Got a new cookie",
  elevation: "Gave the password again",
  mismatch: "The cookie turned up in another browser",
  locked: "Locked until the password is given again",
  login_failed: "A wrong password was given",
  password_changed: "The password was changed",
  cart_added: "Put into the cart",
  cart_changed: "Changed in the cart",
  cart_removed: "Taken out of the cart",
};

function activitySection(activities: readonly Activity[], now: number): Html {
  return html`<section aria-labelledby="activity">
<div class="heading"><h2 id="activity">Lately on this device</h2></div>
<ol class="activity">
${activities.map((each) => activityItem(each, now))}
</ol>
</section>`;
}

function activityItem({ action, at, metadata }: Activity, now: number): Html {
  const product = typeof metadata["product"] === "string" ? metadata["product"] : "";
  return html`<li><span>${WORDS[action] ?? action}${product && html`<span class="quiet"> · ${product}</span>`}</span><span class="quiet">${moment(at, now)}</span></li>
`;
}

function guesses(count: number): Html {
  const often = count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
  return html`<p class="problem">Since you signed in here, a wrong password was given for your name ${often}. Was it not you? Look below for devices that you do not know.</p>`;
}

function deviceRow(row: DeviceRow, now: number): Html {
  const { browser, system, kind } = row.device;
  return html`<tr${row.current && html` class="current"`}>
<th scope="row"><span class="device" title="${row.userAgent}">${deviceIcon(kind)}<span>${browser}${system && html`<span class="quiet"> on ${system}</span>`}${row.current && html` <span class="badge">This device</span>`}${row.locked && html` <span class="badge warning" title="Its cookie turned up in another browser; it asks for the password again.">Locked</span>`}</span></span></th>
<td data-label="Address">${row.address}</td>
<td data-label="Signed in">${moment(row.signedInAt, now)}${row.remembered && html`<span class="quiet"> · remembered</span>`}</td>
<td data-label="Last seen">${moment(row.lastSeenAt, now)}</td>
<td class="action">${!row.current && signOutForm(row)}</td>
</tr>
`;
}

function signOutForm({ sessionId, device }: DeviceRow): Html {
  return html`<form method="post" action="/account/devices/${sessionId}/sign-out"><button class="link">Sign out<span class="unseen"> ${device.browser}${device.system && ` on ${device.system}`}</span></button></form>`;
}
