export { scrub } from '../lib/scrub.js';
