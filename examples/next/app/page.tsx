import { readSession } from "../lib/session";
import { count, signOut } from "./actions";
import { EndWatch } from "./end-watch";

export default async function Page() {
  const session = await readSession();
  if (session.userId === null) {
    return (
      <main>
        <h1>Hello, nobody</h1>
        <a href="/login">Sign in</a>
      </main>
    );
  }
  return (
    <main>
      <h1>Hello, {session.data.name}</h1>
      <p>Counted: {session.data.visits ?? 0}</p>
      <form action={count}>
        <button type="submit">Count</button>
      </form>
      <form action={signOut}>
        <button type="submit">Sign out</button>
      </form>
      <EndWatch />
    </main>
  );
}
