import { type InjectionKey, inject, reactive } from 'vue';

/** What a person consented to, for a new message in a conversation that they hold. Kept by the browser. */
export interface Alerts {
  sound: boolean;
  /** `blocked`: the browser was told to refuse, and asks no more. */
  notification: 'on' | 'off' | 'blocked' | 'unsupported';
  setSound(on: boolean): void;
  setNotification(on: boolean): Promise<void>;
  /** `open` is run when the notification is clicked. */
  raise(title: string, text: string, tag: string, open: () => void): void;
}

export function createAlerts(store: Storage | undefined): Alerts {
  let audio: AudioContext | undefined;
  const state = reactive<Alerts>({
    sound: kept('sound'),
    notification: permitted() === 'granted' ? (kept('notification') ? 'on' : 'off') : without(),
    setSound(on) {
      state.sound = on;
      keep('sound', on);
      // A browser lets a page sound only after a click: this is one.
      if (on) chime();
    },
    async setNotification(on) {
      keep('notification', on);
      if (on && permitted() === 'default') await Notification.requestPermission();
      state.notification = permitted() === 'granted' ? (on ? 'on' : 'off') : without();
    },
    raise(title, text, tag, open) {
      if (state.sound) chime();
      if (state.notification !== 'on' || !document.hidden) return;
      const shown = new Notification(title, { body: text, tag });
      shown.onclick = () => {
        window.focus();
        shown.close();
        open();
      };
    },
  });
  return state;

  /** Two short tones, made here: no file to load. */
  function chime(): void {
    audio ??= new AudioContext();
    void audio.resume();
    tone(audio, 660, 0);
    tone(audio, 880, 0.13);
  }

  function kept(name: string): boolean {
    return attempt(() => store?.getItem(`console.alerts.${name}`)) === 'on';
  }

  function keep(name: string, on: boolean): void {
    attempt(() => store?.setItem(`console.alerts.${name}`, on ? 'on' : 'off'));
  }
}

function tone(audio: AudioContext, hertz: number, afterSeconds: number): void {
  const from = audio.currentTime + afterSeconds;
  const source = new OscillatorNode(audio, { frequency: hertz });
  const volume = new GainNode(audio, { gain: 0 });
  volume.gain.setValueAtTime(0, from);
  volume.gain.linearRampToValueAtTime(0.12, from + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, from + 0.22);
  source.connect(volume).connect(audio.destination);
  source.start(from);
  source.stop(from + 0.25);
}

/** Undefined where there are none: notifications exist in secure contexts only. */
function permitted(): NotificationPermission | undefined {
  return 'Notification' in globalThis ? Notification.permission : undefined;
}

function without(): 'off' | 'blocked' | 'unsupported' {
  const permission = permitted();
  if (permission === undefined) return 'unsupported';
  return permission === 'denied' ? 'blocked' : 'off';
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}

export const alerts: InjectionKey<Alerts> = Symbol('alerts');

export function useAlerts(): Alerts {
  const found = inject(alerts);
  if (!found) throw new Error('main.ts provides no alerts');
  return found;
}
