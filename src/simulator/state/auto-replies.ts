/** What the owner made in the console, in the form of get_current_autoreply_info. */
export type AutoReplyInfo = Readonly<Record<string, unknown>>;
