import { fileURLToPath } from 'node:url';
import type { ConsoleConfig } from '../../config/console.js';
import { createConsole } from '../../console/server/server.js';
import type { ConsoleFactory } from '../../service/console.js';
import { consoleAreas } from './console-areas.js';

/** Where `npm run build` puts the page, seen from src/ as from dist/. */
const webDirectory = fileURLToPath(new URL('../../../dist/console/web/', import.meta.url));

/** @returns undefined where the settings want no console */
export function consoleOf({ path }: ConsoleConfig, version: string): ConsoleFactory | undefined {
  if (path === undefined) return undefined;
  return (parts) => createConsole(parts, { path, webDirectory, version, areas: consoleAreas });
}
