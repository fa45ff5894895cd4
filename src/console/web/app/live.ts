/** What the stream says by its events' names; data is JSON. */
export type LiveListeners = Readonly<Record<string, (data: unknown) => void>>;

export type LiveState = 'connecting' | 'open' | 'paused' | 'lost';

export interface LiveStream {
  /** Stops for as long as it is true; the stream begins anew afterwards. */
  pause(paused: boolean): void;
  close(): void;
}

const reconnectMs = 3_000;

/** An EventSource that rests while the page is hidden or a person paused it, and comes back after an error of the server. */
export function openLive(
  url: () => string,
  listeners: LiveListeners,
  onState: (state: LiveState) => void,
  /** Asked when the page is hidden or shown again. */
  rests: () => boolean = () => document.hidden,
): LiveStream {
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let paused = false;
  let closed = false;

  function stop(): void {
    clearTimeout(again);
    source?.close();
    source = undefined;
  }

  function start(): void {
    onState('connecting');
    const opened = new EventSource(url());
    source = opened;
    opened.onopen = () => onState('open');
    opened.onerror = () => {
      onState('lost');
      // The browser tries again by itself where the connection broke, and gives up where the server refused.
      if (opened.readyState === EventSource.CLOSED) again = setTimeout(update, reconnectMs);
    };
    for (const [name, listen] of Object.entries(listeners)) {
      opened.addEventListener(name, (event) => listen(JSON.parse(event.data)));
    }
  }

  function update(): void {
    stop();
    if (closed) return;
    if (paused || rests()) onState('paused');
    else start();
  }

  document.addEventListener('visibilitychange', update);
  update();
  return {
    pause(value) {
      if (value === paused) return;
      paused = value;
      update();
    },
    close() {
      closed = true;
      document.removeEventListener('visibilitychange', update);
      stop();
    },
  };
}
