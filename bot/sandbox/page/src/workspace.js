// The workspace as the sandbox tells it: all of its state, loaded anew whenever something happens.
import { useEffect, useState } from 'react'

const CHANGES = [
  'message_posted', 'message_edited', 'message_deleted', 'ephemeral_posted', 'ephemeral_replaced', 'ephemeral_deleted',
  'view_opened', 'view_updated', 'view_closed', 'home_published', 'file_shared', 'reaction_added', 'connected',
  'disconnected', 'channel_joined', 'terminals_changed',
]
const DEEDS = ['command', 'click', 'form_sent']

export function useWorkspace() {
  const [state, setState] = useState(null)
  const [deeds, setDeeds] = useState([])
  useEffect(() => follow(setState, (kind, deed) => setDeeds((done) => [...done, { kind, ...deed }])), [])
  return { state, deeds }
}

function follow(setState, did) {
  const load = oneAtATime(async () => {
    // A sandbox that has gone leaves its last state on the screen.
    const response = await fetch('/sandbox/state').catch(() => null)
    if (response?.ok) setState(await response.json())
  })
  load()
  const source = new EventSource('/sandbox/events?since=0')
  CHANGES.forEach((kind) => source.addEventListener(kind, load))
  DEEDS.forEach((kind) => source.addEventListener(kind, (event) => did(kind, JSON.parse(event.data).details)))
  return () => source.close()
}

// While one runs, any number of further calls become one more run.
function oneAtATime(work) {
  let busy = false
  let again = false
  return async () => {
    again = true
    if (busy) return
    busy = true
    try {
      while (again) {
        again = false
        await work()
      }
    } finally {
      busy = false
    }
  }
}
