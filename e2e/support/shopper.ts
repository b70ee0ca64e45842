/** Somebody with a browser: does in the shop what people do there, through what they see. */

import { type BrowserContext, type BrowserContextOptions, devices, type Page, type Response } from "playwright-core";

export const DESKTOP: BrowserContextOptions = { ...devices["Desktop Chrome"] };
/** Without scripts: every page has to work without them. */
export const PHONE: BrowserContextOptions = { ...devices["Pixel 7"], javaScriptEnabled: false };
export const TABLET: BrowserContextOptions = { ...devices["iPad Mini"] };

export const PASSWORDS = { ada: "lovelace", grace: "hopper", linus: "torvalds" } as const;
export type DemoUser = keyof typeof PASSWORDS;

export const SESSION_COOKIE = "sid-sojourn";

export class Shopper {
  readonly page: Page;
  /** What the browser's console complained about on any page: refused by the policy, failed, not found. */
  readonly complaints: string[] = [];
  readonly #origin: string;

  constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
    // Less than a test has, so that what was waited for is named.
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      // The event stream ends with the shop's process, and the browser opens it again.
      if (message.location().url === `${origin}/live`) return;
      if (["error", "warning"].includes(message.type())) this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    // A page that is left takes with it what it was still loading: no failure.
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      if (reason !== "net::ERR_ABORTED" && !request.url().endsWith("/live"))
        this.complaints.push(`${request.url()}: ${reason}`);
    });
  }

  static async in(context: BrowserContext, origin: string): Promise<Shopper> {
    return new Shopper(await context.newPage(), origin);
  }

  visit(path: string): Promise<Response | null> {
    return this.page.goto(this.#origin + path);
  }

  /** Clicks an entry of the navigation. */
  async go(
    entry: "Catalogue" | "Cart" | "Sign in" | "Ada Lovelace" | "Grace Hopper" | "Linus Torvalds",
  ): Promise<void> {
    await this.page.getByRole("navigation").getByRole("link", { name: entry }).click();
  }

  press(button: string | RegExp): Promise<void> {
    return this.page.getByRole("button", { name: button, exact: true }).click();
  }

  async take(product: string): Promise<void> {
    await this.visit("/");
    await this.press(`Add to cart: ${product}`);
    await this.page.getByText(`${product} is in your cart.`).waitFor();
  }

  async logIn(username: DemoUser, { remember = false } = {}): Promise<void> {
    await this.visit("/login");
    await this.page.getByLabel("Name").fill(username);
    await this.page.getByLabel("Password").fill(PASSWORDS[username]);
    if (remember) await this.page.getByLabel("Keep me signed in").check();
    await this.press("Sign in");
    await this.page.getByText("You are signed in.").waitFor();
  }

  heading(): Promise<string> {
    return this.page.getByRole("heading", { level: 1 }).innerText();
  }

  /** How many of a product the cart page shows; 0 when it is not there. */
  async inCart(product: string): Promise<number> {
    await this.visit("/cart");
    const quantity = this.page.getByRole("spinbutton", { name: `Quantity of ${product}` });
    return (await quantity.count()) === 0 ? 0 : Number(await quantity.inputValue());
  }

  /** The account page's devices, by their user agents. */
  async devices(): Promise<{ userAgent: string; current: boolean }[]> {
    await this.visit("/account");
    const rows = await this.page.locator(".devices tbody tr").all();
    return Promise.all(
      rows.map(async (row) => ({
        userAgent: (await row.locator(".device").getAttribute("title")) ?? "",
        current: (await row.getByText("This device").count()) === 1,
      })),
    );
  }

  async sessionCookie(): Promise<Awaited<ReturnType<BrowserContext["cookies"]>>[number] | undefined> {
    const cookies = await this.page.context().cookies(this.#origin);
    return cookies.find((cookie) => cookie.name === SESSION_COOKIE);
  }
}
