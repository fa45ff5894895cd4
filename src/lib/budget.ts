/** An amount that many draw from, such as bytes of memory: what does not fit waits its turn, in order. */
export interface Budget {
  /** Draws so much (at most all there is), waiting until it is free. @returns how much was drawn, to be given back */
  draw(amount: number): Promise<number>;
  giveBack(amount: number): void;
  readonly inUse: number;
}

export function createBudget(total: number): Budget {
  let inUse = 0;
  const waiting: { amount: number; start(amount: number): void }[] = [];

  function admit(): void {
    for (let first = waiting[0]; first && inUse + first.amount <= total; first = waiting[0]) {
      waiting.shift();
      inUse += first.amount;
      first.start(first.amount);
    }
  }

  return {
    draw(amount) {
      return new Promise((resolve) => {
        waiting.push({ amount: Math.min(amount, total), start: resolve });
        admit();
      });
    },
    giveBack(amount) {
      inUse -= amount;
      admit();
    },
    get inUse() {
      return inUse;
    },
  };
}
