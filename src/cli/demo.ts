export async function demo(_: {
  once: boolean;
  environment: Record<string, string | undefined>;
}): Promise<void> {}
