export const title = "Documents";

export async function show(main) {
  main.append("…");
}
