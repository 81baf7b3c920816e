// What every part of the page may need: {state, me, act, say, visit, openThread, speak}.
import { createContext, useContext } from 'react'

export const Here = createContext(null)

export const useHere = () => useContext(Here)
