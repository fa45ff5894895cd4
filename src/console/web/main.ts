import './styles/index.js';
import { createApp, watch } from 'vue';
import App from './App.vue';
import { alerts, createAlerts } from './app/alerts.js';
import { type Api, createApi } from './app/api.js';
import { consoleContext } from './app/context.js';
import { conversationEvents, createConversationEvents } from './app/conversation-events.js';
import { createPreferences } from './app/preferences.js';
import { createPageRouter } from './app/router.js';
import { createSession } from './app/session.js';
import { createWords } from './words/index.js';

const preferences = createPreferences(() => localStorage);
const session = createSession(() => api);
const router = createPageRouter(session);
const words = createWords(preferences.language);

const api: Api = createApi({
  base: new URL('api/', document.baseURI).href,
  language: () => preferences.language,
  csrf: () => session.view?.csrf ?? null,
  onSignedOut: () => {
    session.forget();
    const { name, fullPath } = router.currentRoute.value;
    if (name !== 'sign-in') void router.replace({ name: 'sign-in', query: { to: fullPath } });
  },
});

watch(
  () => preferences.language,
  (language) => {
    words.global.locale.value = language;
  },
);

createApp(App)
  .provide(consoleContext, { api, session, preferences })
  .provide(conversationEvents, createConversationEvents(api))
  .provide(alerts, createAlerts(globalThis.localStorage))
  .use(words)
  .use(router)
  .mount('#app');
