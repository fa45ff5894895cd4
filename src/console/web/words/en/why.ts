export const why = {
  intro:
    'Give the openid of a user: what follows says in words why there is no answer, or that there is one.',
  openid: 'openid',
  account: 'Account',
  ask: 'Ask',
  deciding: 'What decides',
  also: 'Also found',
  remedy: 'What to do',
  openMessage: 'Message {id}',
  openDelivery: 'Delivery {id}',
  allMessages: 'All messages of this user',
  conversation: 'Conversation',
  nothing: 'Nothing was found',
} as const;
