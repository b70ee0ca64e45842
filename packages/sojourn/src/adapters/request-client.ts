/** What a request says of the client that sent it. */

import type { Device } from "../data/metadata.ts";
import { type AddressList, clientAddress, parseAddress } from "../security/address.ts";
import type { BindingInput } from "../security/binding.ts";
import type { ClientSignals } from "../security/signals.ts";

/** The part of a request that tells. */
export interface ClientView {
  /** The client's address as the framework knows it. */
  readonly ip: string | undefined;
  /** The other end of the connection. */
  readonly peer: string | undefined;
  /** What the application tells clients apart by: null when it could not tell, undefined when it does not. */
  readonly fingerprint: string | null | undefined;
  header(name: string): string | undefined;
}

export class RequestClient {
  readonly #request: ClientView;
  readonly #proxies: AddressList | null;
  readonly #binds: boolean;

  /** @param binds whether sessions are bound to clients: else there are no signals */
  constructor(request: ClientView, proxies: AddressList | null, binds: boolean) {
    this.#request = request;
    this.#proxies = proxies;
    this.#binds = binds;
  }

  device(): Device {
    const ip = this.#ip();
    const userAgent = this.#request.header("user-agent");
    return { ...(ip === undefined ? {} : { ip }), ...(userAgent === undefined ? {} : { userAgent }) };
  }

  /** What is compared with the client that the session was begun on. */
  signals(): ClientSignals | undefined {
    if (!this.#binds) return undefined;
    return { ip: this.#ip(), userAgent: this.#request.header("user-agent") ?? null, ...this.binding() };
  }

  /** The part of it that is not in `device`. */
  binding(): BindingInput | undefined {
    if (!this.#binds) return undefined;
    return { language: this.#request.header("accept-language") ?? null, fingerprint: this.#request.fingerprint };
  }

  /** With trusted proxies what they say, else what the framework does; in one spelling. */
  #ip(): string | undefined {
    const { ip, peer } = this.#request;
    if (this.#proxies !== null) return clientAddress(peer, this.#request.header("x-forwarded-for"), this.#proxies);
    return ip === undefined ? undefined : (parseAddress(ip)?.text ?? ip);
  }
}
