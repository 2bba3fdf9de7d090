/* SPDX-License-Identifier: MIT */
// JavaScript's values in and out: checked options, columns.
#ifndef VALUES_H
#define VALUES_H

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vmexit
{

// A typed array filled by `get(row)` for each row.
template <typename Array, typename Rows, typename Get>
inline Array column(Napi::Env env, const Rows &rows, Get get)
{
	Array array = Array::New(env, rows.size());
	for (size_t i = 0; i < rows.size(); i++)
		array[i] = get(rows[i]);
	return array;
}

// A whole number from `min` to `max`.
inline uint32_t whole_number(const Napi::Value &value, const char *name, uint32_t min, uint32_t max)
{
	double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
	if (!(number >= min && number <= max) || number != static_cast<uint32_t>(number))
		throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a whole number from " +
							    std::to_string(min) + " to " +
							    std::to_string(max));
	return static_cast<uint32_t>(number);
}

inline bool boolean(const Napi::Object &object, const char *name)
{
	Napi::Value value = object.Get(name);
	if (!value.IsBoolean())
		throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a boolean");
	return value.As<Napi::Boolean>();
}

// An optional array of at most `most` numbers; false if there is none.
inline bool numbers(const Napi::Object &object, const char *name, uint32_t most, uint32_t min,
		    std::vector<uint32_t> &to)
{
	Napi::Value value = object.Get(name);
	if (value.IsUndefined())
		return false;
	if (!value.IsArray() || value.As<Napi::Array>().Length() > most)
		throw Napi::TypeError::New(value.Env(), std::string(name) + " must be an array of at most " +
							    std::to_string(most));
	Napi::Array list = value.As<Napi::Array>();
	for (uint32_t i = 0; i < list.Length(); i++)
		to.push_back(whole_number(list.Get(i), name, min, UINT32_MAX));
	return true;
}

} // namespace vmexit

#endif
