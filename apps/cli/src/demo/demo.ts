export async function demo(_argv: readonly string[]): Promise<number> { return 0; }
