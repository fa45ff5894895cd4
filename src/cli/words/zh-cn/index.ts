import type { en } from '../en/index.js';
import { commands } from './commands.js';
import { demo } from './demo.js';
import { doctor } from './doctor.js';
import { help } from './help.js';
import { init } from './init.js';
import { message } from './message.js';
import { settings } from './settings.js';
import { terminal } from './terminal.js';

export const zhCN: typeof en = { help, terminal, commands, message, doctor, settings, demo, init };
