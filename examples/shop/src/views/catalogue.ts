import { products, type CartLine, type Product } from "../catalogue.ts";
import { html, type Html } from "./html.ts";
import { money } from "./money.ts";

export function catalogueView(lines: readonly CartLine[]): Html {
  const inCart = new Map(lines.map((line) => [line.product.id, line.quantity]));
  return html`<div class="intro">
<h1>Good things for a short stay</h1>
<p>Eight things worth packing. Take what you like: no account needed to fill a cart.</p>
</div>
<ul class="shelf">
${products.map((product) => card(product, inCart.get(product.id) ?? 0))}
</ul>
<section class="tour" aria-labelledby="tour">
<h2 id="tour">Three things to try</h2>
<ol>
<li><strong>Fill a cart before you sign in.</strong> Then <a href="/login">sign in</a>: the cart comes along.</li>
<li><strong>Sign in from a second browser.</strong> It finds the same cart, and <a href="/account">your account</a> lists both.</li>
<li><strong>Sign the first one out from the second.</strong> Reload the first: it is out at once.</li>
</ol>
</section>`;
}

function card(product: Product, inCart: number): Html {
  return html`<li class="ticket" id="${product.id}">
<img src="/art/${product.id}.svg" alt="${product.picture}" width="320" height="220">
<div class="ticket-words">
<h2>${product.name}</h2>
<p>${product.blurb}</p>
</div>
<form class="ticket-stub" method="post" action="/cart/items">
<input type="hidden" name="productId" value="${product.id}">
<input type="hidden" name="quantity" value="1">
<p class="price">${money(product.priceInCents)}${inCart > 0 && html`<span class="in-cart">${inCart} in cart</span>`}</p>
<button class="primary" aria-label="Add to cart: ${product.name}">Add to cart</button>
</form>
</li>
`;
}
