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
  /** Ways to sign in. */
  signIn: { password: boolean; oidc: { title: string; path: string } | null; header: boolean };
  accounts: { appId: string; name: string | null }[];
  version: string;
}

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
}

/** Every refusal: a code that the page has words for, and words of the server's own. */
export interface ApiError {
  error: string;
  message: string;
}
