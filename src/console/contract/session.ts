import type { Right, Role } from './rights.js';

/** GET session : who is signed in, and what the page needs before anybody is. */
export interface SessionView {
  user: {
    name: string;
    displayName: string;
    role: Role;
    rights: Right[];
    via: 'password' | 'oidc' | 'header' | 'link';
  } | null;
  /** To be sent back as X-CSRF-Token with whatever changes something. */
  csrf: string | null;
  /** Ways to sign in. `path` is below the API, and for the browser to open. */
  signIn: { password: boolean; oidc: { title: string; path: string } | null; header: boolean };
  accounts: { appId: string; name: string | null }[];
  version: string;
}

/**
 * Why a sign-in by OpenID Connect let nobody in: the page is opened with one of them, `#/sign-in?problem=no_role`.
 *
 * - `issuer_away`: it does not answer
 * - `failed`: what it answered was not to this browser's question, or too late
 * - `no_role`: neither its claims nor a setting gives one
 * - `disabled`: the user may not sign in
 * - `name_taken`: a user of that name signs in another way, and may be somebody else
 * - `name_invalid`: what it calls them cannot be the name of a user
 * - `last_admin`: its claims take away the role of the only admin
 */
export const signInProblems = [
  'issuer_away',
  'failed',
  'no_role',
  'disabled',
  'name_taken',
  'name_invalid',
  'last_admin',
] as const;
export type SignInProblem = (typeof signInProblems)[number];

/** POST sign-in { name, password } : 204, or 401 { error: 'wrong' }, or 429 { error: 'too_many', retryAfterSeconds }. POST sign-out: 204. */
export interface SignInRequest {
  name: string;
  password: string;
}

/** POST password : one's own. 204: all other sessions have ended. 403 { error: 'wrong' }, or 429 as above; 409 { error: 'no_password' }. */
export interface OwnPassword {
  old: string;
  password: string;
}

/** Characters of a password, at least. */
export const shortestPassword = 10;

/** GET users ; POST users ; PATCH users/:name ; DELETE users/:name ; DELETE users/:name/sessions */
export interface UserView {
  name: string;
  displayName: string;
  role: Role;
  hasPassword: boolean;
  disabled: boolean;
  createdAt: string;
  lastSeenAt: string | null;
  sessions: number;
  /** No user, but who came by a one-time link under this name: their sessions can be ended, and nothing else changed. */
  byLink?: true;
}

/** Every refusal: a code that the page has words for, and words of the server's own. */
export interface ApiError {
  error: string;
  message: string;
}
