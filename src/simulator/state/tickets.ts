import { randomBytes } from 'node:crypto';

/** What a test may see of the jsapi tickets. */
export interface TicketControls {
  /** Different tickets that were handed out. */
  readonly issued: number;
  /** The ticket handed out last, while it is valid. */
  current(appId: string): string | undefined;
}

export interface Tickets extends TicketControls {
  /** GET /cgi-bin/ticket/getticket, for the account whose token it is. */
  jsapi(appId: string): { ticket: string; expires_in: number };
}

const lifetimeMs = 7_200_000;
/** With less than this left, a call gets a new ticket. */
const renewalMs = 5 * 60_000;

export function createTickets(clock: () => number): Tickets {
  const latest = new Map<string, { value: string; endsAt: number }>();
  let issued = 0;

  function issue(appId: string): { value: string; endsAt: number } {
    issued += 1;
    const ticket = {
      value: `SIM_ticket_${randomBytes(48).toString('base64url')}`,
      endsAt: clock() + lifetimeMs,
    };
    latest.set(appId, ticket);
    return ticket;
  }

  return {
    jsapi(appId) {
      const known = latest.get(appId);
      const { value, endsAt } = known && known.endsAt - clock() > renewalMs ? known : issue(appId);
      return { ticket: value, expires_in: Math.floor((endsAt - clock()) / 1_000) };
    },
    current(appId) {
      const known = latest.get(appId);
      return known && known.endsAt > clock() ? known.value : undefined;
    },
    get issued() {
      return issued;
    },
  };
}
