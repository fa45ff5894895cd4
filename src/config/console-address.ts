import { ConfigError } from './config-error.js';
import { consoleAddress } from './console.js';
import { type Environment, problemsOf, withSecretFiles } from './environment.js';
import { settings } from './schema.js';

/**
 * Where browsers reach the console, for `console`; it asks for no account. Undefined: there is none.
 *
 * @throws ConfigError
 */
export function readConsoleAddress(environment: Environment): string | undefined {
  const parsed = settings
    .pick({ CONSOLE_PATH: true, CONSOLE_URL: true, ADMIN_PORT: true, ADMIN_HOST: true })
    .safeParse(withSecretFiles(environment, []));
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error, environment));
  const { CONSOLE_PATH: path, CONSOLE_URL: url, ADMIN_PORT: port, ADMIN_HOST: host } = parsed.data;
  return path === 'off' ? undefined : consoleAddress({ url, path, host, port });
}
