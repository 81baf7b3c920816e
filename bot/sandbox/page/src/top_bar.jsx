// The bar on top: the switcher of places, and who one is.
import { useHere } from './here.js'

const note = (person) => (person.deleted ? ' (deactivated)' : person.is_restricted ? ' (guest)' : '')

export function TopBar({ become, search }) {
  const { state, me } = useHere()
  return (
    <header className="top-bar">
      <button type="button" className="search" onClick={search} aria-keyshortcuts="Control+K Meta+K">
        <span className="search-words">Go to…</span> <kbd>Ctrl K</kbd>
      </button>
      <label className="you">
        You are:{' '}
        <select value={me} onChange={(event) => become(event.target.value)}>
          {state.people.filter((p) => !p.is_bot).map((p) => (
            <option key={p.id} value={p.id} disabled={p.deleted}>{p.real_name}{note(p)}</option>
          ))}
        </select>
      </label>
    </header>
  )
}
