import { html, type Html } from "./html.ts";

interface Failure {
  readonly title: string;
  readonly words: Html;
}

const home = html`<a class="button" href="/">To the catalogue</a>`;

const failures: Readonly<Record<number, Failure>> = {
  401: {
    title: "Please sign in first",
    words: html`<p>You were not signed in any more, so nothing was changed.</p><p><a class="button primary" href="/login">Sign in</a></p>`,
  },
  403: {
    title: "That did not come from this shop",
    words: html`<p>The request was sent from another site or without saying where it came from, so nothing was changed.</p><p>${home}</p>`,
  },
  404: {
    title: "There is nothing here",
    words: html`<p>The page, thing or device you asked for does not exist, or not any more.</p><p>${home}</p>`,
  },
  405: {
    title: "Not like this",
    words: html`<p>This address only answers to a button on one of the pages.</p><p>${home}</p>`,
  },
  409: {
    title: "Two changes at once",
    words: html`<p>Somebody changed the same thing in the same moment, so nothing was changed here. Please try again.</p><p>${home}</p>`,
  },
  413: {
    title: "That is too much",
    words: html`<p>What was sent is larger than the shop takes, so nothing was changed.</p><p>${home}</p>`,
  },
  503: {
    title: "One moment, please",
    words: html`<p>The shop cannot reach its sessions store right now. If you were signed in, you still are: nothing is lost. Try again in a moment.</p><p>${home}</p>`,
  },
};

const badRequest: Failure = {
  title: "That did not work",
  words: html`<p>The shop did not understand the request, so nothing was changed.</p><p>${home}</p>`,
};

const broken: Failure = {
  title: "Something broke",
  words: html`<p>That is the shop's fault, not yours. It has been written to the log.</p><p>${home}</p>`,
};

export function failureTitle(status: number): string {
  return failureOf(status).title;
}

export function failureView(status: number): Html {
  const { title, words } = failureOf(status);
  return html`<div class="plain">
<p class="status-code">${status}</p>
<h1>${title}</h1>
${words}
</div>`;
}

function failureOf(status: number): Failure {
  return failures[status] ?? (status < 500 ? badRequest : broken);
}
