// The login of a page that came over the network: the token is typed once, posted, and forgotten.
import { html, setText } from "./svg.ts";

export interface Login {
  readonly name: string;
  readonly role: "reader" | "operator";
}

/** True for a page of the console on the network; on loopback the address's secret decides. */
export function isNetwork(): boolean {
  return location.protocol === "https:";
}

async function post(path: string, body: unknown): Promise<Response> {
  return await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Who is logged in, or null. */
export async function currentLogin(): Promise<Login | null> {
  const answer = await fetch("/api/session", { cache: "no-store" });
  return answer.ok ? ((await answer.json()) as Login) : null;
}

/** Shows the token again; null when the node believes it, else why not. */
export async function confirmToken(token: string): Promise<string | null> {
  const answer = await post("/api/confirm", { token });
  return answer.ok ? null : (await answer.text()).trim();
}

export async function logout(): Promise<void> {
  await post("/api/logout", {});
  location.reload();
}

/** A field for a token: no manager of passwords keeps it, and nobody reads it over a shoulder. */
export function tokenField(): HTMLInputElement {
  return html("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 64,
    "aria-label": "Token",
    placeholder: "Token",
  });
}

/** Asks for a token in `place` and loads the page anew once it was right. */
export function showLogin(place: HTMLElement): void {
  const field = tokenField();
  const note = html("p", { class: "login-note", role: "status" });
  const form = html(
    "form",
    { class: "login panel" },
    html("h2", {}, "Log in"),
    html("p", {}, "This console asks for a token, made on the board by stopline token add."),
    field,
    html("button", { type: "submit", class: "primary" }, "Log in"),
    note,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    field.value = "";
    post("/api/login", { token }).then(
      async (answer) => {
        if (answer.ok) location.reload();
        else setText(note, (await answer.text()).trim());
      },
      () => setText(note, "The node does not answer."),
    );
  });
  place.replaceChildren(form);
  field.focus();
}
