import { totalInCents, type CartLine } from "../catalogue.ts";
import { maxQuantity } from "../form.ts";
import { html, type Html } from "./html.ts";
import { money } from "./money.ts";

export function cartView(lines: readonly CartLine[], signedIn: boolean): Html {
  if (lines.length === 0) return emptyCart;
  return html`<h1>Your cart</h1>
<table class="lines">
<thead><tr><th scope="col">Thing</th><th scope="col" class="number">Each</th><th scope="col">Quantity</th><th scope="col" class="number">Together</th><th scope="col"><span class="unseen">Remove</span></th></tr></thead>
<tbody>
${lines.map(row)}
</tbody>
<tfoot><tr><th scope="row" colspan="3">Total</th><td class="number total">${money(totalInCents(lines))}</td><td></td></tr></tfoot>
</table>
${
  signedIn
    ? html`<p class="quiet">This is an example, so there is no checkout: the cart simply stays with you.</p>`
    : html`<p class="quiet">You are not signed in. <a href="/login">Sign in</a> and this cart comes along.</p>`
}`;
}

const emptyCart = html`<div class="plain">
<h1>Your cart is empty</h1>
<p>There is still room for a blanket.</p>
<p><a class="button primary" href="/">To the catalogue</a></p>
</div>`;

function row({ product, quantity }: CartLine): Html {
  const action = `/cart/items/${product.id}`;
  const inputId = `quantity-${product.id}`;
  return html`<tr>
<th scope="row"><img src="/art/${product.id}.svg" alt="" width="64" height="44"><a href="/#${product.id}">${product.name}</a></th>
<td class="number" data-label="Each">${money(product.priceInCents)}</td>
<td data-label="Quantity"><form class="quantity" method="post" action="${action}">
<label class="unseen" for="${inputId}">Quantity of ${product.name}</label>
<input id="${inputId}" name="quantity" type="number" inputmode="numeric" min="1" max="${maxQuantity}" required value="${quantity}">
<button>Change<span class="unseen"> quantity of ${product.name}</span></button>
</form></td>
<td class="number" data-label="Together">${money(quantity * product.priceInCents)}</td>
<td class="action"><form method="post" action="${action}/remove"><button class="link">Remove<span class="unseen"> ${product.name}</span></button></form></td>
</tr>
`;
}
