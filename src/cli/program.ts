import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { Role } from '../service/service.js';
import { addOperatorCommands } from './operator-commands.js';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const closingHelp = `
Settings come from the environment and from a file .env in the working directory; see .env.example.
Commands for operators need DATABASE_URL alone, but for token, simulate and doctor.
Exit codes: 0 done, 1 something went wrong or was not done, 2 the call or the settings are wrong.

Examples:
  wechat-outbox demo                  see it work, with a simulated WeChat and user
  wechat-outbox start                 webhook and worker in one process
  wechat-outbox start --role worker   only the worker; run as many as you like
  wechat-outbox migrate               bring the database up to date and end

  wechat-outbox status                how things stand
  wechat-outbox list                  what is not through, and why
  wechat-outbox show 4711             one message, with every attempt
  wechat-outbox requeue --state failed --code 45009 --since 2h
  wechat-outbox export --since 7d --format csv --output week.csv
  wechat-outbox doctor                what is in the way, and what to do about it`;

/** Every command and its flags; nothing runs before it is parsed. */
export function createProgram({
  environment,
}: {
  environment(): Record<string, string | undefined>;
}): Command {
  const program = new Command('wechat-outbox')
    .description(
      'Answers the users of a WeChat Official Account, durably: webhook in, Postgres between, customer-service messages out.',
    )
    .version(version)
    .showHelpAfterError()
    .exitOverride()
    .addHelpText('after', closingHelp);

  program
    .command('start')
    .description('run the service: migrate, receive pushes, answer them, until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--role <role>', 'what this process does')
        .choices(['all', 'ingress', 'worker'])
        .default('all'),
    )
    .action(async ({ role }: { role: Role }) => {
      const { start } = await import('./start.js');
      await start({ role, environment: environment() });
    });

  program
    .command('migrate')
    .description('bring the database up to date; safe to run at any time, also several times at once')
    .action(async () => {
      const { migrateCommand } = await import('./migrate.js');
      await migrateCommand({ environment: environment() });
    });

  addOperatorCommands(program, environment);

  program
    .command('demo')
    .description(
      'play a conversation between a simulated WeChat user and the service, on an embedded PostgreSQL',
    )
    .option('--once', 'end when every reply has arrived: exit code 0, or 1 if one is missing')
    .action(async ({ once = false }: { once?: boolean }) => {
      const { demo } = await import('./demo.js');
      await demo({ once, environment: environment() });
    });

  return program;
}
