// A user with a repository in which one file was saved twice, with other content each time.

import { expect } from 'vitest'
import { User } from './user.ts'

export async function userWhoSavedTwice(): Promise<User> {
  const user = new User()
  expect(await user.run(['init'], { env: user.keyed })).toMatchObject({ code: 0 })
  for (const text of ['one', 'two']) {
    user.write({ 'source/file': text })
    const saved = await user.run(['backup', 'source'], { env: user.keyed })
    expect(saved).toMatchObject({ code: 0 })
  }
  return user
}
