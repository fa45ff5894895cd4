import type { BulkResult, WhyWords } from './forms.js';
import { rules } from './rules-en.js';

const bulk: Record<BulkResult, string> = {
  requeued: 'requeued',
  cancelled: 'cancelled',
  ready: 'can be done',
  sent: 'were sent already',
  waiting: 'are on their way already',
  final: 'have ended already',
  in_hand: 'are in the hand of a worker right now: try again in a moment',
  window_closed: 'are past their reply window, WeChat would refuse them',
  forgotten: 'were of a user who is forgotten',
  not_found: 'do not exist',
  not_failed: 'have not failed in the reply logic',
};

const why: WhyWords = {
  never_pushed: () => ({
    headline: 'WeChat never pushed a message of this user to us',
    detail: 'Nothing with this openid is stored for this account.',
    remedy:
      'Check the openid and the account (each account knows a user by another openid), and in WeChat’s console whether the server configuration is on and leads here.',
  }),
  refused: ({ count }) => ({
    headline: 'Pushes for this account were refused',
    detail: `${count} since this process started: their signature, their time or their content was wrong, so they are not stored.`,
    remedy: 'Compare token and EncodingAESKey with WeChat’s console; the log says why each was refused.',
  }),
  account_unknown: ({ account }) => ({
    headline: `${account} is not among the accounts of this service`,
    detail: 'Its pushes are not taken, and nothing is sent for it.',
    remedy: 'Add it to the settings, and restart.',
  }),
  no_worker: () => ({
    headline: 'No worker is alive',
    detail: 'Messages are stored and wait; nobody answers them.',
    remedy: 'Start a worker, and look at its log for why it ended.',
  }),
  account_paused: ({ error, code }) => ({
    headline: 'The account rests',
    detail: `Nothing is sent for it: ${[code, error].filter(Boolean).join(' ') || 'paused by hand'}.`,
    remedy: 'Put right what is named, then resume the account. What waits is kept.',
  }),
  taken_over: ({ agent }) => ({
    headline: agent ? `${agent} has the conversation` : 'The conversation waits for a person',
    detail: 'The reply logic is silent for as long.',
    remedy: agent ? 'Answer there, or hand it back.' : 'Take the conversation, or hand it back.',
  }),
  waiting_for_turn: ({ earlier }) =>
    earlier > 0
      ? {
          headline: 'It waits behind earlier messages of this user',
          detail: `${earlier} of this conversation come first: answers keep the order of the questions.`,
          remedy: 'See what holds up the first of them.',
        }
      : {
          headline: 'It is due, and waits for a free worker',
          detail: 'All workers are busy with other conversations.',
          remedy: 'If this lasts, start another worker or raise REPLY_CONCURRENCY.',
        },
  put_off: () => ({
    headline: 'It is taken up again in a moment',
    detail:
      'Either the user may still be writing, and what they send soon after is answered with it (MERGE_WITHIN), or the reply logic said when to ask again.',
    remedy: null,
  }),
  awaiting_back_end: ({ source }) => ({
    headline: 'The back end answers it later',
    detail: `${source ?? 'The back end'} said so (202), and has until then to call back. What the user wrote after it waits.`,
    remedy:
      'If this lasts, ask those who run the back end; its time is over at the end of the reply window, or of REPLIES_CALLBACK_WAIT.',
  }),
  being_answered: ({ worker }) => ({
    headline: 'It is being answered right now',
    detail: worker ? `Worker ${worker} has the conversation.` : 'A worker has the conversation.',
    remedy: null,
  }),
  reply_retrying: ({ error }) => ({
    headline: 'The reply logic failed, and is to run again',
    detail: error ?? 'It gave no reason.',
    remedy: 'Mend the reply logic, or wait for the next try.',
  }),
  reply_failed: ({ error }) => ({
    headline: 'The reply logic failed for good',
    detail: error ?? 'It gave no reason.',
    remedy: 'Mend the reply logic, then run it again for this message.',
  }),
  nothing_to_say: () => ({
    headline: 'The reply logic had nothing to say',
    detail: 'It ran, and returned nothing for this message.',
    remedy: 'If there should be an answer, look at its rules.',
  }),
  cut: ({ error }) => ({
    headline: 'The answer was cut',
    detail: error ?? 'It had more messages than the reply window allows.',
    remedy: 'Let the reply logic answer in fewer messages.',
  }),
  limited: ({ error }) => ({
    headline: 'The user has sent more than they may',
    detail: error ?? 'USER_LIMIT leaves no room for this message.',
    remedy: 'The next messages are answered when their time is over; raise USER_LIMIT if it is too low.',
  }),
  stopped: ({ error }) => ({
    headline: 'A check stopped the answer',
    detail: error ?? 'beforeSend or the word list did not let it through.',
    remedy:
      'If it should be sent, change the check (beforeSend, WORDS_FILE), then run the reply logic again.',
  }),
  delivery_waiting: () => ({
    headline: 'The answer is planned, and not sent yet',
    detail: 'It is on its way.',
    remedy: null,
  }),
  delivery_retrying: ({ error, code, attempts }) => ({
    headline: 'WeChat could not be reached, or asked to wait: it is tried again',
    detail: `After ${attempts} attempts: ${[code, error].filter(Boolean).join(' ') || 'no answer'}.`,
    remedy: null,
  }),
  delivery_failed: ({ error, code, meaning, remedy }) => ({
    headline: meaning ? `WeChat refused the answer: ${meaning}` : 'The answer could not be sent',
    detail: [code, error].filter(Boolean).join(' ') || 'No reason was given.',
    remedy: remedy ?? 'Put right what is named, then requeue the delivery.',
  }),
  window_over: ({ error, code }) => ({
    headline: 'The reply window was over before the answer could be sent',
    detail: [code, error].filter(Boolean).join(' ') || 'It was not sent in time.',
    remedy: 'Only the user can open another window, by writing again; then requeue.',
  }),
  delivery_unknown: ({ error }) => ({
    headline: 'Nobody knows whether the answer arrived',
    detail: error ?? 'The call was made, and no answer to it came.',
    remedy: 'Ask the user, or look at their phone; requeue only if it did not arrive.',
  }),
  cancelled: () => ({
    headline: 'An operator cancelled it',
    detail: 'See what people did for who, and when.',
    remedy: 'Requeue the delivery if it shall be sent after all.',
  }),
  forgotten: () => ({
    headline: 'This user was forgotten',
    detail: 'What they wrote is gone, and nobody knows any more who they were.',
    remedy: null,
  }),
  answered: () => ({
    headline: 'It was answered',
    detail: 'WeChat accepted the answer.',
    remedy:
      'If the user does not see it, let them look into the chat with the account, not into notifications.',
  }),
};

export const en = {
  bulk,
  why,
  rules,
  unknownCode: { meaning: 'a code unknown to this version', remedy: 'See WeChat’s page of return codes.' },
};
