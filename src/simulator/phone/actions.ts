import type { SimulatedUser } from '../pushes/user.js';
import type { Action } from './contract.js';

/** A recording with a second of silence in it, for somebody who downloads it. */
export const silence = Buffer.concat([
  Buffer.from('#!AMR\n'),
  ...Array.from({ length: 50 }, () => Buffer.from([0x7c, ...new Array<number>(31).fill(0)])),
]);

/** Does what a person does at the phone; resolves when the push of it is over. */
export async function act(
  user: SimulatedUser,
  action: Action,
  { isFollowing, addVoice }: { isFollowing: boolean; addVoice(): string },
): Promise<void> {
  switch (action.kind) {
    case 'say':
      await user.say(action.text);
      return;
    case 'tap':
      await user.tap({ id: action.id, content: action.text });
      return;
    case 'voice': {
      const { words } = action;
      await user.voice({ mediaId: addVoice(), ...(words === '' ? {} : { recognition: words }) });
      return;
    }
    case 'location': {
      const { key, label, ...place } = action;
      if (key !== '')
        await user.selectLocation({ key, label, latitude: place.latitude, longitude: place.longitude });
      await user.location({ latitude: place.latitude, longitude: place.longitude, label });
      return;
    }
    case 'follow':
      await user.subscribe(action.scene === '' ? {} : { scene: action.scene });
      return;
    case 'unfollow':
      await user.unsubscribe();
      return;
    case 'scan':
      // Who scans without following is asked to follow, and the scene comes with that.
      await (isFollowing ? user.scan(action.scene) : user.subscribe({ scene: action.scene }));
      return;
    case 'click':
      await user.click(action.key);
      return;
    case 'view':
      await user.view(action.url);
      return;
    case 'miniprogram':
      await user.viewMiniprogram(action.page);
      return;
    case 'scan code': {
      const { key, result, wait } = action;
      await user.scanCode({ key, result, wait });
      return;
    }
  }
}
