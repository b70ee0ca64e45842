/** Express 4 under a second name; the tests use of it what Express 5 has as well. */
declare module "express4" {
  const express4: unknown;
  export default express4;
}
