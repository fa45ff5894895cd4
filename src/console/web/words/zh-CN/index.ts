import { accounts } from './accounts.js';
import { actions } from './actions.js';
import { analytics } from './analytics.js';
import { bulk } from './bulk.js';
import { chat } from './chat.js';
import { conversations } from './conversations.js';
import { history } from './history.js';
import { message } from './message.js';
import { now } from './now.js';
import { rules } from './rules.js';
import { shell } from './shell.js';
import { states } from './states.js';
import { time } from './time.js';
import { users } from './users.js';
import { why } from './why.js';

export const chinese = {
  shell,
  now,
  history,
  message,
  why,
  bulk,
  states,
  conversations,
  chat,
  analytics,
  actions,
  accounts,
  users,
  rules,
  time,
};
