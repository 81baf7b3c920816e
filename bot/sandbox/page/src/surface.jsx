// What can be pressed and filled in on one message, form or Home: its values, its confirmations, and what is sent.
import { createContext, useContext, useState } from 'react'
import { Confirm } from './confirm.jsx'
import { keyOf, sent, valueOf, values } from './filled.js'
import { useHere } from './here.js'

const Surface = createContext(null)

export const useSurface = () => useContext(Surface)

// `place`: {channel, ts} or {view_id}. `form`: {filled, setFilled, errors} of a form, which keeps it over updates.
export function SurfaceOf({ place, blocks, form, children }) {
  const { act } = useHere()
  const own = useState({})
  const [asked, setAsked] = useState(null)
  const [filled, setFilled] = form ? [form.filled, form.setFilled] : own

  const send = (block, element, value, now) => {
    const what = { ...place, action_id: element.action_id, block_id: block.block_id, value }
    return act('click', place.view_id ? { ...what, values: values(blocks, now) } : what)
  }
  const sure = (element) => (element.confirm ? new Promise((answer) => setAsked({ confirm: element.confirm, answer })) : true)
  const fill = (block, element, value) => setFilled((before) => ({ ...before, [keyOf(block, element)]: value }))

  const surface = {
    errors: form?.errors ?? {},
    value: (block, element) => valueOf(filled, block, element),
    fill,
    press: async (block, element, value) => (await sure(element)) && send(block, element, value, filled),
    // A menu that tells the app at once.
    choose: async (block, element, value) => {
      if (!(await sure(element))) return
      fill(block, element, value)
      await send(block, element, sent(element, value), { ...filled, [keyOf(block, element)]: value })
    },
    suggest: (block, element, text) =>
      act('suggest', { ...place, block_id: block.block_id, action_id: element.action_id, text }),
  }
  const answer = (yes) => {
    asked.answer(yes)
    setAsked(null)
  }
  return (
    <Surface.Provider value={surface}>
      {children}
      {asked && <Confirm confirm={asked.confirm} answer={answer} />}
    </Surface.Provider>
  )
}
