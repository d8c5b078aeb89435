// The login of the network console over HTTP: a token is posted once and becomes a cookie. No token
// stands in an address, an answer or a line of the log.
import type { ApiAnswer } from "./api.ts";
import type { LoginAnswer, Session, Sessions } from "./sessions.ts";

/** `__Host-`: the browser itself refuses it without Secure, with a Domain or another Path. */
export const COOKIE = "__Host-stopline";

export interface LoginRequest {
  readonly method: string;
  readonly path: string;
  readonly cookie: string | undefined;
  readonly body: string;
  readonly address: string;
}

export interface LoginReply {
  readonly answer: ApiAnswer;
  readonly setCookie?: string;
}

function json(value: unknown, status = 200): ApiAnswer {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function refused({ status, reason }: Extract<LoginAnswer, { ok: false }>): LoginReply {
  return { answer: { status, type: "text/plain; charset=utf-8", body: `${reason}\n` } };
}

const NOBODY: LoginReply = {
  answer: { status: 401, type: "text/plain; charset=utf-8", body: "log in with a token first\n" },
};

/** The value of our cookie in a `Cookie` header, or null. */
export function cookieOf(header: string | undefined): string | null {
  const found = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{43})(?:;|$)`).exec(header ?? "");
  return found?.[1] ?? null;
}

function tokenIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { token?: unknown } | null)?.token;
  } catch {
    return undefined;
  }
}

function isSelf({ name, role }: Session): unknown {
  return { name, role };
}

/** The answer to a request about logins or by nobody; null for one whose session may go on. */
export function loginReply(sessions: Sessions, request: LoginRequest): LoginReply | null {
  const { method, path, body, address } = request;
  const what = `${method} ${path}`;
  if (what === "POST /api/login") {
    const login = sessions.login(tokenIn(body), address);
    if (!login.ok) return refused(login);
    const setCookie = `${COOKIE}=${login.cookie}; Path=/; HttpOnly; Secure; SameSite=Strict`;
    return { answer: json(isSelf(login.session)), setCookie };
  }
  const cookie = cookieOf(request.cookie);
  const session = sessions.find(cookie);
  if (session === null || cookie === null) return NOBODY;
  switch (what) {
    case "GET /api/session":
      return { answer: json(isSelf(session)) };
    case "POST /api/confirm": {
      const refusal = sessions.confirm(cookie, tokenIn(body), address);
      return refusal === null ? { answer: json(isSelf(session)) } : refused(refusal);
    }
    case "POST /api/logout":
      sessions.logout(cookie);
      return {
        answer: json({}),
        setCookie: `${COOKIE}=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0`,
      };
    default:
      return null;
  }
}
