import type { OidcConfig } from '../../../config/console.js';
import type { SignInProblem } from '../../contract/session.js';
import type { Statements } from '../http/transaction.js';
import type { Identified } from './oidc.js';
import { addUser, changeUser, findUser, type UserRow, userName } from './users.js';

export type OidcRefusal = Exclude<SignInProblem, 'issuer_away' | 'failed'>;

export type OidcUser = { kind: 'user'; name: string } | { kind: 'refused'; why: OidcRefusal };

/**
 * The user that somebody is whom the issuer knows: by the identity, which is theirs for good. The first time, by a user without a
 * password that was added for them, or as a new user.
 */
export async function oidcUser(
  statements: Statements,
  who: Identified,
  { roleClaim, defaultRole }: Pick<OidcConfig, 'roleClaim' | 'defaultRole'>,
): Promise<OidcUser> {
  const { identity, name, displayName } = who;
  const given = who.role ?? defaultRole;
  if (roleClaim !== undefined && given === undefined) return refused('no_role');
  const known = (await ofIdentity(statements, identity)) ?? (await findUser(statements, name));
  if (!known) {
    if (given === undefined) return refused('no_role');
    if (!userName.safeParse(name).success) return refused('name_invalid');
    const user = { name, displayName: displayName.slice(0, 100), role: given, password: undefined, identity };
    return (await addUser(statements, user)) === 'done' ? { kind: 'user', name } : refused('name_taken');
  }
  if (known.identity !== identity) {
    if (known.identity !== null || known.password !== null) return refused('name_taken');
    await statements.query(
      'update wechat.console_user set identity = $2 where name = $1 and identity is null and password is null',
      [known.name, identity],
    );
  }
  if (known.disabled) return refused('disabled');
  if (roleClaim !== undefined && given !== undefined && given !== known.role) {
    const result = await changeUser(statements, known.name, { role: given });
    if (result !== 'done') return refused('last_admin');
  }
  return { kind: 'user', name: known.name };
}

const refused = (why: OidcRefusal): OidcUser => ({ kind: 'refused', why });

async function ofIdentity(statements: Statements, identity: string): Promise<UserRow | undefined> {
  const { rows } = await statements.query<UserRow>(
    'select name, password, disabled, role, identity from wechat.console_user where identity = $1',
    [identity],
  );
  return rows[0];
}
