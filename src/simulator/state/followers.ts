/** What the account knows of a user, in the form of user/info. */
export interface Follower {
  /** Unix seconds. */
  subscribeTime: number;
  subscribeScene: string;
  /** Of the QR code that led here; empty where there was none. */
  qrScene: string;
  remark: string;
  /** The one given last at the end. */
  tags: readonly number[];
  unionId?: string | undefined;
}

/** The users of one account that ever did something, those who left among them. */
export interface Followers {
  find(openid: string): Follower | undefined;
  /** `scene`: where the user came by a QR code. */
  came(openid: string, scene?: string): void;
  /** Somebody who follows already did something: nobody but a follower can. */
  acted(openid: string): void;
  change(openid: string, change: Partial<Follower>): void;
}

export function createFollowers(clock: () => number): Followers {
  const followers = new Map<string, Follower>();

  function fresh(scene = ''): Follower {
    return {
      subscribeTime: Math.floor(clock() / 1_000),
      subscribeScene: scene === '' ? 'ADD_SCENE_SEARCH' : 'ADD_SCENE_QR_CODE',
      qrScene: scene,
      remark: '',
      tags: [],
    };
  }

  return {
    find: (openid) => followers.get(openid),
    came: (openid, scene) => void followers.set(openid, fresh(scene)),
    acted(openid) {
      if (!followers.has(openid)) followers.set(openid, fresh());
    },
    change(openid, change) {
      followers.set(openid, { ...(followers.get(openid) ?? fresh()), ...change });
    },
  };
}
