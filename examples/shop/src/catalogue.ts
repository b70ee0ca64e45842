import type { CartItem } from "sojourn/patterns/cart";

/** Something on the shelf. Its picture is `public/art/<id>.svg`. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly blurb: string;
  /** What the picture shows, for people who do not see it. */
  readonly picture: string;
  readonly priceInCents: number;
}

export const products: readonly Product[] = [
  {
    id: "harbour-mug",
    name: "Harbour mug",
    blurb: "Enamel, slightly chipped in spirit. Keeps tea warm for one chapter.",
    picture: "A cream enamel mug with a blue wave, steaming",
    priceInCents: 1400,
  },
  {
    id: "night-train-blanket",
    name: "Night-train blanket",
    blurb: "Lambswool, just long enough for two seats and a window.",
    picture: "A folded striped blanket on a stack of two",
    priceInCents: 6800,
  },
  {
    id: "porch-lantern",
    name: "Porch lantern",
    blurb: "Says that somebody is still up. Runs for nine evenings.",
    picture: "A lantern glowing in the dark",
    priceInCents: 4200,
  },
  {
    id: "field-notebook",
    name: "Field notebook",
    blurb: "Ninety-six pages for what you would otherwise forget by Tuesday.",
    picture: "A red notebook with a pencil",
    priceInCents: 950,
  },
  {
    id: "two-cup-kettle",
    name: "Two-cup kettle",
    blurb: "For one guest, or one very thirsty person. Whistles in B flat.",
    picture: "A small green kettle on a stove",
    priceInCents: 3900,
  },
  {
    id: "map-of-nowhere",
    name: "Map of nowhere",
    blurb: "Scale 1 : 50,000. Four good paths, none of them in a hurry.",
    picture: "A folded map with a dotted path and a pin",
    priceInCents: 1250,
  },
  {
    id: "weekend-case",
    name: "Weekend case",
    blurb: "Holds three days, or five if you wear the heavy things.",
    picture: "A small suitcase with labels on it",
    priceInCents: 9800,
  },
  {
    id: "travel-clock",
    name: "Travel clock",
    blurb: "Folds flat. Keeps the time at home while you keep another.",
    picture: "A folding alarm clock showing ten past ten",
    priceInCents: 5400,
  },
];

const byId = new Map(products.map((product) => [product.id, product]));

/** The product, or null when the shop does not carry it. */
export function findProduct(id: string): Product | null {
  return byId.get(id) ?? null;
}

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

/** What is in a cart, priced. Items that left the catalogue meanwhile are left out. */
export function cartLines(items: readonly CartItem[]): CartLine[] {
  return items.flatMap(({ productId, quantity }) => {
    const product = findProduct(productId);
    return product === null ? [] : [{ product, quantity }];
  });
}

/** How many things, all lines together. */
export function countItems(lines: readonly CartLine[]): number {
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

export function totalInCents(lines: readonly CartLine[]): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.product.priceInCents, 0);
}
