const euros = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

/** `1400` → `"€14.00"`. */
export function money(cents: number): string {
  return euros.format(cents / 100);
}
