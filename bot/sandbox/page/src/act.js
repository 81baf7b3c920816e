// What a person does, sent to the people's side of the sandbox. Whatever goes wrong comes back as {ok: false, error}.
export async function post(path, body) {
  try {
    const response = await fetch(`/sandbox/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    return await response.json().catch(() => ({ ok: false, error: `HTTP ${response.status}` }))
  } catch {
    return { ok: false, error: 'the sandbox does not answer' }
  }
}

export async function fileText(id) {
  const response = await fetch(`/sandbox/files/${encodeURIComponent(id)}`)
  return response.ok ? response.text() : `(HTTP ${response.status})`
}
