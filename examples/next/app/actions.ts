"use server";

import { revalidatePath } from "next/cache";
import { redirect } from "next/navigation";
import { withSession } from "../lib/session";

export async function signIn(form: FormData): Promise<void> {
  const name = form.get("name");
  if (typeof name !== "string" || name === "") return;
  // … check the password, then:
  await withSession((session) => session.login({ userId: name.toLowerCase(), data: { name } }));
  redirect("/");
}

export async function signOut(): Promise<void> {
  await withSession((session) => session.logout());
  redirect("/");
}

export async function count(): Promise<void> {
  await withSession((session) => session.increment("visits"));
  revalidatePath("/");
}
