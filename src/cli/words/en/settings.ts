/** What is wrong with the settings: English is where they are checked, for errors that programs see too. */
export { english as settings } from '../../../config/english.js';
