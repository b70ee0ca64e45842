export type { ConformanceStores } from "./conformance/environment.ts";
export { ageRedisKeys, type ManualClock, manualClock } from "./manual-clock.ts";
export { type BrowserCookie, type SignedIn, signIn } from "./sign-in.ts";
export { type ConformanceOptions, type RunnableCase, storeConformance } from "./store-conformance.ts";
export {
  adapterContract,
  type AdapterContractOptions,
  type ContractAnswer,
  type ContractRoute,
  type ContractSite,
  type RunnableAdapterCase,
  type ServedSite,
} from "./adapter-contract.ts";
