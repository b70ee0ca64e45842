import { html, type Fragment, type Html } from "./html.ts";
import { signedOutDialog } from "./signed-out.ts";

/** Who looks at the page, as far as the header tells. */
export interface Visitor {
  readonly name: string | null;
  readonly itemCount: number;
}

export interface Page {
  readonly title: string;
  /** Path of the entry in the navigation that this page belongs to. */
  readonly section?: "/" | "/cart" | "/account" | "/login";
  /** null when nobody could ask, as on an error page: the header then says nothing about it. */
  readonly visitor: Visitor | null;
  readonly notice?: Html | null;
  readonly body: Fragment;
}

export function layout(page: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · Sojourn shop</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/shop.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<a class="brand" href="/"><img src="/favicon.svg" alt="" width="32" height="32">Sojourn shop</a>
${navigation(page)}
</header>
${page.notice ? html`<p class="notice" role="status">${page.notice}</p>` : null}
<main id="main" tabindex="-1">
${page.body}
</main>
<footer class="bottom">
<p>An example of the session library Sojourn. Nothing here is for sale, and every page works without scripts.</p>
</footer>
${page.visitor !== null && page.visitor.name !== null && signedOutDialog()}
</body>
</html>
`.toString();
}

function navigation({ section, visitor }: Page): Html {
  const entry = (path: string, label: Fragment): Html =>
    html`<li><a href="${path}"${path === section && html` aria-current="page"`}>${label}</a></li>`;
  return html`<nav aria-label="Shop"><ul>
${entry("/", "Catalogue")}
${entry("/cart", cartLabel(visitor))}
${visitor && (visitor.name === null ? entry("/login", "Sign in") : entry("/account", visitor.name))}
</ul></nav>`;
}

function cartLabel(visitor: Visitor | null): Fragment {
  if (visitor === null || visitor.itemCount === 0) return "Cart";
  const { itemCount } = visitor;
  return html`Cart <span class="count">${itemCount}<span class="unseen"> ${itemCount === 1 ? "item" : "items"}</span></span>`;
}
