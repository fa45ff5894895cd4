import path from 'node:path';
import Router from '@koa/router';
import { z } from 'zod';
import type { AccountConfig } from '../../../config/account.js';
import type { Pool } from '../../../db/pool.js';
import { kindOf } from '../../../replies/open.js';
import { type RulesCheck, trialTypes } from '../../contract/rules.js';
import * as input from '../http/input.js';
import { personOf, type Requires } from '../http/person.js';
import { wordsFor } from '../words/index.js';
import { changeRules } from './change.js';
import { differencesOf } from './differences.js';
import { createParse } from './parsed.js';
import { problemsIn } from './problems.js';
import { listSets, readSet, readText } from './sets.js';
import { tryRules } from './trial.js';

export interface RulesDependencies {
  /** With a limit for statements. */
  pool: Pool;
  requires: Requires;
  accounts: readonly AccountConfig[];
  clock: () => Date;
}

/** As long as a body may be, about. */
const text = input.text(1_000_000);
const note = input.text(200).nullable();

const checkShape = z.strictObject({ text });
const diffShape = z.union([
  z.strictObject({ from: input.id, to: input.id }),
  z.strictObject({ from: input.id, text }),
]);
const saveShape = z.strictObject({ text, expected: input.id.nullable(), note });
const backShape = z.strictObject({ version: input.id, expected: input.id });
const tryShape = z.strictObject({
  text,
  message: z
    .strictObject({ type: z.enum(trialTypes), value: input.text(2_000) })
    .refine(({ type, value }) => type !== 'event' || value.trim() !== ''),
  account: input.text(64).min(1).nullable(),
  at: input.time.nullable(),
});

/** Whoever reads may try, which changes nothing. */
export function createRulesRoutes({ pool, requires, accounts, clock }: RulesDependencies): Router {
  const router = new Router();
  const read = requires('read');
  const change = requires('rule');
  const used = namesOf(accounts);
  const parse = createParse();

  router.get('/rules', read, async (ctx) => {
    input.readQuery(ctx, {});
    ctx.body = await listSets(pool, used);
  });

  router.post('/rules/check', read, (ctx) => {
    const parsed = parse(input.readBody(ctx, checkShape).text);
    ctx.body = (
      parsed.ok
        ? { rules: parsed.rules.rules.length, problems: [] }
        : { rules: 0, problems: problemsIn(wordsFor(ctx).language, parsed.problems) }
    ) satisfies RulesCheck;
  });

  router.post('/rules/try', read, (ctx) => {
    const { at, ...asked } = input.readBody(ctx, tryShape);
    ctx.body = tryRules(parse(asked.text), { ...asked, at: at ?? clock() }, accounts, wordsFor(ctx));
  });

  router.get('/rules/:name', read, async (ctx) => {
    input.readQuery(ctx, {});
    ctx.body = await readSet(pool, nameOf(ctx.params), used);
  });

  router.post('/rules/:name/diff', read, async (ctx) => {
    const name = nameOf(ctx.params);
    const asked = input.readBody(ctx, diffShape);
    const before = await readText(pool, name, asked.from);
    ctx.body = differencesOf(before, 'text' in asked ? asked.text : await readText(pool, name, asked.to));
  });

  router.put('/rules/:name', change, async (ctx) => {
    const { name } = await readSet(pool, nameOf(ctx.params), used);
    const asked = input.readBody(ctx, saveShape);
    ctx.body = await changeRules(pool, personOf(ctx).name, {
      ...{ name, ...asked, parsed: parse(asked.text), language: wordsFor(ctx).language },
    });
  });

  router.post('/rules/:name/back', change, async (ctx) => {
    const name = nameOf(ctx.params);
    const { version, expected } = input.readBody(ctx, backShape);
    const text = await readText(pool, name, version);
    const note = `back to version ${version}`;
    ctx.body = await changeRules(pool, personOf(ctx).name, {
      name,
      text,
      expected,
      note,
      parsed: parse(text),
      language: wordsFor(ctx).language,
    });
  });

  return router;
}

/** A name that is in no table and in no setting is not found there. */
const nameOf = ({ name = '' }: { name?: string }) => name.replaceAll('\0', '');

/** As versions are kept by: the file without its folder. */
function namesOf(accounts: readonly AccountConfig[]): ReadonlySet<string> {
  const files = accounts.flatMap(({ replies }) => replies).filter((entry) => kindOf(entry) === 'rules');
  return new Set(files.map((file) => path.basename(file)));
}
