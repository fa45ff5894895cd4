import type { AboutSetting } from '../../config/about.js';
import { settings } from '../../config/schema.js';
import type { Environment } from '../terminal/context.js';

/**
 * The settings of the demo for replies of the user's own: those about replies are theirs, for a source may need some of them. All
 * others are the demo's.
 */
export function settingsOfReplies(entries: string, environment: Environment): Environment {
  const own = Object.entries(settings.shape).filter(
    ([, shape]) => (shape.meta() as AboutSetting | undefined)?.group === 'replies',
  );
  return { ...Object.fromEntries(own.map(([name]) => [name, environment[name]])), REPLIES: entries };
}
